"""The code that runs inside the jail: it decodes strangers' files and writes pixels, and knows nothing of Counterfoil.

This folder alone is carried into the jail, so it imports only the standard library, Pillow, pillow-heif and pypdfium2,
and to read the codes printed on a page numpy, OpenCV and zxing-cpp.
"""
