"""Published tests on station-level results, on plain arrays.

Each test takes columns of whole numbers (NumPy arrays or Polars series, one figure per station), and hands back a
frozen result: estimate, null model, uncertainty, stations used and left out, warnings, source. Nothing else of
Counterfoil is needed.

>>> from counterfoil.forensics import integer_percentages
>>> result = integer_percentages([1000] * 50, [600] * 50, [598] * 50, [311] * 50)
>>> result.turnout.hits, round(result.turnout.expected, 1)
(50, 5.0)
"""

from counterfoil.forensics.association import Correlation, Sobyanin, sobyanin, turnout_share_correlation
from counterfoil.forensics.backsolved import BackSolved, back_solved
from counterfoil.forensics.batch_audit import Macro, draw, draw_as_arlo, macro
from counterfoil.forensics.battery import Battery, battery
from counterfoil.forensics.calibrate import Calibration, calibrate
from counterfoil.forensics.clean_peak import CleanPeak, clean_peak
from counterfoil.forensics.commissions import Kireev, MachineCounts, kireev, machine_counted
from counterfoil.forensics.digits import LastDigit, SecondDigit, last_digit, second_digit
from counterfoil.forensics.fingerprint import (
    Fingerprint,
    FingerprintDifference,
    VoteRate,
    fingerprint,
    fingerprint_difference,
    vote_rate,
)
from counterfoil.forensics.flows import Flows, flows
from counterfoil.forensics.integers import IntegerPercentages, integer_percentages
from counterfoil.forensics.integers_published import PublishedIntegerPercentages, integer_percentages_published
from counterfoil.forensics.kernel import Kernel, kernel
from counterfoil.forensics.klimek import KlimekFirstStage, KlimekFit, klimek_first_stage, klimek_fit
from counterfoil.forensics.late_count import LateShift, late_count_shift
from counterfoil.forensics.martingales import Alpha, Betting, KaplanMarkov, alpha, betting, kaplan_markov
from counterfoil.forensics.mixture import Mixture, mixture
from counterfoil.forensics.spikes import Spikes, spikes
from counterfoil.forensics.spread import spread
from counterfoil.forensics.stations import Stations, stations
from counterfoil.forensics.swapped import Swapped, columns_swapped

__all__ = [
    "Alpha",
    "BackSolved",
    "Battery",
    "Betting",
    "Calibration",
    "CleanPeak",
    "Correlation",
    "Fingerprint",
    "FingerprintDifference",
    "Flows",
    "IntegerPercentages",
    "KaplanMarkov",
    "Kernel",
    "Kireev",
    "KlimekFirstStage",
    "KlimekFit",
    "LastDigit",
    "LateShift",
    "MachineCounts",
    "Macro",
    "Mixture",
    "PublishedIntegerPercentages",
    "SecondDigit",
    "Sobyanin",
    "Spikes",
    "Stations",
    "Swapped",
    "VoteRate",
    "alpha",
    "back_solved",
    "battery",
    "betting",
    "calibrate",
    "clean_peak",
    "columns_swapped",
    "draw",
    "draw_as_arlo",
    "fingerprint",
    "fingerprint_difference",
    "flows",
    "integer_percentages",
    "integer_percentages_published",
    "kaplan_markov",
    "kernel",
    "kireev",
    "klimek_first_stage",
    "klimek_fit",
    "last_digit",
    "late_count_shift",
    "machine_counted",
    "macro",
    "mixture",
    "second_digit",
    "sobyanin",
    "spikes",
    "spread",
    "stations",
    "turnout_share_correlation",
    "vote_rate",
]
