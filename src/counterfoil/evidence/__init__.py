"""Photos in: made small and plain, named by a commitment, linked with look-alikes, masked before they are public."""

from counterfoil.evidence.commitment import Commitment, commit, open_commitment
from counterfoil.evidence.fingerprints import Fingerprint, fingerprint
from counterfoil.evidence.likeness import FingerprintIndex, Kind, Likeness, MemoryIndex, candidates, likeness
from counterfoil.evidence.masks import Mask, Masked, Region, apply_mask
from counterfoil.evidence.picture import decode
from counterfoil.evidence.sanitising import Sanitised, sanitise

__all__ = [
    "Commitment",
    "Fingerprint",
    "FingerprintIndex",
    "Kind",
    "Likeness",
    "Mask",
    "Masked",
    "MemoryIndex",
    "Region",
    "Sanitised",
    "apply_mask",
    "candidates",
    "commit",
    "decode",
    "fingerprint",
    "likeness",
    "open_commitment",
    "sanitise",
]
