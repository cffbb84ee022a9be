"""Stores of objects (`workflow.stores`): a folder, or a bucket that speaks S3. And a publication in such a bucket."""

from counterfoil.storage.objects.bucket import Bucket
from counterfoil.storage.objects.folder import FolderStore
from counterfoil.storage.objects.s3 import S3Store
from counterfoil.storage.objects.site import Mirrored, frozen, mirror_site

__all__ = ["Bucket", "FolderStore", "Mirrored", "S3Store", "frozen", "mirror_site"]
