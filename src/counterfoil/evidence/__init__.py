"""Photos in: made small and plain, named by a commitment, linked with look-alikes, masked before they are public."""

from counterfoil.evidence.commitment import Commitment, commit, open_commitment
from counterfoil.evidence.fingerprints import Fingerprint, fingerprint
from counterfoil.evidence.masks import Mask, Masked, Region, apply_mask
from counterfoil.evidence.sanitising import Sanitised, sanitise

__all__ = [
    "Commitment",
    "Fingerprint",
    "Mask",
    "Masked",
    "Region",
    "Sanitised",
    "apply_mask",
    "commit",
    "fingerprint",
    "open_commitment",
    "sanitise",
]
