"""The code that runs inside the jail: it decodes strangers' files and writes pixels, and knows nothing of Counterfoil.

This folder alone is carried into the jail, so it imports only the standard library, Pillow, pillow-heif and pypdfium2.
"""
