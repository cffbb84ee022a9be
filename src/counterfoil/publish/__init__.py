"""From figures to the publication: pages, data package, pictures, press sheet, manifest. The same bytes every time."""
