"""What the forensics page says about each test: its title, the sentence of its result, its short figure, what innocent
thing gives the same picture, and why there may be no answer.

Figures come from the result objects as they are; here they are only written. No percent sign is used: turnouts and
shares of single stations are not shares of the count and must not be taken for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from markupsafe import Markup

from counterfoil.forensics.association import Correlation, Sobyanin
from counterfoil.forensics.backsolved import BackSolved
from counterfoil.forensics.battery import Answer, Outcome
from counterfoil.forensics.clean_peak import CleanPeak
from counterfoil.forensics.commissions import Kireev, MachineCounts
from counterfoil.forensics.digits import LastDigit, SecondDigit
from counterfoil.forensics.fingerprint import Fingerprint, VoteRate
from counterfoil.forensics.flows import Flows
from counterfoil.forensics.integers import IntegerPercentages
from counterfoil.forensics.kernel import Kernel
from counterfoil.forensics.klimek import KlimekFirstStage, KlimekFit
from counterfoil.forensics.late_count import LateShift
from counterfoil.forensics.mixture import Mixture
from counterfoil.forensics.spikes import Spikes
from counterfoil.forensics.swapped import Swapped
from counterfoil.publish.pages.numbers import NumberFormat
from counterfoil.publish.pages.view import N_


class Speaks(Protocol):
    """The part of a `View` that a page of tests needs."""

    numbers: NumberFormat

    def _(self, text: str) -> str: ...
    def n(self, value: int) -> str: ...
    def say(self, _text: str, **values: Any) -> Markup: ...
    def plural(self, _one: str, _many: str, count: int, **values: Any) -> Markup: ...


@dataclass(frozen=True, slots=True)
class TestText:
    """Message ids; `source` is the same in all languages."""

    title: str
    innocent: str
    source: str


TEXTS: Mapping[str, TestText] = {
    "integer-percentages": TestText(
        N_("Whole percentages"),
        N_(
            "Whoever typed the table may have rounded; lists rounded to tens make some percentages easier to hit. "
            "Elections taken as clean reach z = 2.2."
        ),
        "Kobak, Shpilkin, Pshenichnikov 2016, doi 10.1214/16-AOAS904",
    ),
    "last-digits": TestText(
        N_("Last digits of the votes"),
        N_("Figures read or typed wrongly from pictures; counts honestly rounded by whoever made the table."),
        "Beber, Scacco 2012, doi 10.1093/pan/mps003",
    ),
    "last-digits-turnout": TestText(
        N_("Last digits of the ballots"),
        N_("Figures read or typed wrongly from pictures; counts honestly rounded by whoever made the table."),
        "Beber, Scacco 2012, doi 10.1093/pan/mps003",
    ),
    "fingerprint": TestText(
        N_("Fingerprint"),
        N_("Several clusters are several electorates: towns, villages, regions, special stations."),
        "Klimek et al. 2012, doi 10.1073/pnas.1210722109",
    ),
    "correlation": TestText(
        N_("Correlation of turnout and share"),
        N_("Strongholds are often places where more people vote anyway: small, rural, old."),
        "Kobak, Shpilkin, Pshenichnikov 2012, doi 10.48550/arXiv.1205.0741",
    ),
    "sobyanin": TestText(
        N_("Votes for each additional voter (Sobyanin and Sukhovolsky)"),
        N_("Steep lines occur in clean sheets where strongholds have another turnout than the rest."),
        "Sobyanin, Sukhovolsky 1995",
    ),
    "clean-peak": TestText(
        N_("Clean peak (Shpilkin)"),
        N_(
            "Town and country differ in turnout and in preference; estimates of several percent of the leader's votes, "
            "of "
            "either sign, occur in clean elections."
        ),
        "Shpilkin 2009; Kobak, Shpilkin, Pshenichnikov 2012, doi 10.48550/arXiv.1205.0741",
    ),
    "klimek-first-stage": TestText(
        N_("First peaks (Klimek)"),
        N_("Several electorates make several peaks, and the first need not be the country's."),
        "Klimek et al. 2012, doi 10.1073/pnas.1210722109",
    ),
    "kernel": TestText(
        N_("Middle of the cloud"),
        N_("Several electorates make several middles, and the densest need not be the country's."),
        "Kobak, Shpilkin, Pshenichnikov 2018, doi 10.1111/j.1740-9713.2018.01141.x",
    ),
    "vote-rate": TestText(
        N_("Logarithmic vote rate"),
        N_("Regions and kinds of settlement with different preferences bend the curve without anybody's doing."),
        "Klimek et al. 2012, doi 10.1073/pnas.1210722109",
    ),
    "second-digits": TestText(
        N_("Second digits"),
        N_("Second digits follow the sizes of stations; clean elections differ widely from Benford's law."),
        "Deckert, Myagkov, Ordeshook 2011, doi 10.1093/pan/mpr014",
    ),
    "klimek-fit": TestText(
        N_("Mechanisms of Klimek's model"),
        N_(
            "The model knows one electorate and takes several for its mechanisms; its parameters trade off against "
            "each other."
        ),
        "Klimek et al. 2012, doi 10.1073/pnas.1210722109",
    ),
    "spikes": TestText(
        N_("Coarse shares (Rozenas)"),
        N_("Figures typed from rounded percentages; many stations of the same small size."),
        "Rozenas 2017, doi 10.1017/pan.2016.9",
    ),
    "back-solved": TestText(
        N_("Totals computed back from rounded percentages"),
        N_("Somebody had only the percentages and worked the counts out."),
        "Gelman 2024",
    ),
    "swapped": TestText(
        N_("Columns of two options turned round"),
        N_("Figures read or typed wrongly from pictures; counts honestly rounded by whoever made the table."),
        "Counterfoil",
    ),
    "kireev": TestText(
        N_("Stations without a zero (Kireev)"),
        N_("Several clusters are several electorates: towns, villages, regions, special stations."),
        "Kireev 2021",
    ),
    "machine-counted": TestText(
        N_("Machine-counted beside hand-counted stations"),
        N_("Strongholds are often places where more people vote anyway: small, rural, old."),
        "Kobak, Shpilkin, Pshenichnikov 2018, doi 10.48550/arXiv.1804.09495",
    ),
    "late-count": TestText(
        N_("Late beside early stations"),
        N_("Strongholds are often places where more people vote anyway: small, rural, old."),
        "Idrobo, Kronick, Rodriguez 2022, doi 10.1086/719639",
    ),
    "flows": TestText(
        N_("Flows from an earlier election"),
        N_("Several clusters are several electorates: towns, villages, regions, special stations."),
        "Goodman 1953, doi 10.2307/2088121",
    ),
    "mixture": TestText(
        N_("Finite mixture"),
        N_(
            "The model knows one electorate and takes several for its mechanisms; its parameters trade off against "
            "each other."
        ),
        "Ferrari, McAlister, Mebane, Wu 2019",
    ),
    "batch-audit": TestText(
        N_("Hand counts of drawn batches"),
        N_("Figures read or typed wrongly from pictures; counts honestly rounded by whoever made the table."),
        "Stark 2009, doi 10.1109/TIFS.2009.2034190",
    ),
}

REFUSALS: Mapping[str, str] = {
    "no-column": N_("The protocols do not state a figure that it needs."),
    "too-few-stations": N_("There are fewer stations than it needs."),
    "no-variation": N_("All stations show the same, so nothing can be compared."),
    "no-clean-peak": N_(
        "No clean peak is left to measure from: the others' votes peak above the turnout of the whole."
    ),
    "degenerate-first-stage": N_("The densities have no peak to start from."),
    "no-kernel": N_("The densest place lies at nearly full turnout: that is the tail of the cloud, not its middle."),
    "too-small": N_("Fewer than two totals are known, or they are so small that hits mean nothing."),
    "not-asked": N_("It takes minutes and was not asked for."),
    "no-recount": N_("No ballots were counted again by hand."),
    "options-alike": N_("All stations show the same, so nothing can be compared."),
    "bad-input": N_("The figures contradict each other in too many stations."),
}
OTHER_REFUSAL = N_("It has no honest answer from these figures.")


def refusal(view: Speaks, answer: Answer) -> str:
    """Why there is no answer."""
    return view._(REFUSALS.get(answer.refusal_code or "", OTHER_REFUSAL))


def decimal(view: Speaks, value: float, digits: int = 2) -> str:
    """A number with a fixed number of decimals."""
    return view.numbers.fraction(Fraction(value), digits)


def ltr(text: str) -> Markup:
    """A figure with its signs, in its order on right-to-left pages too: "< 0.0001" must not turn into its contrary."""
    return Markup('<bdi dir="ltr">{}</bdi>').format(text) if text else Markup()


def p_text(view: Speaks, p: float | None) -> Markup:
    """A p-value to four decimals; smaller ones only as smaller, since models are not good to more digits."""
    return ltr(_p(view, p))


def _p(view: Speaks, p: float | None) -> str:
    if p is None:
        return ""
    return f"< {decimal(view, 0.0001, 4)}" if p < 0.0001 else decimal(view, p, 4)


def short_figure(view: Speaks, answer: Answer) -> Markup:
    """The figure of a result in a few characters."""
    return ltr(_short(view, answer))


def _short(view: Speaks, answer: Answer) -> str:  # noqa: PLR0911, PLR0912 - one figure per test
    match answer.result:
        case IntegerPercentages():
            return "" if answer.z is None else f"z = {decimal(view, answer.z)}"
        case LastDigit():
            return f"p = {_p(view, answer.p)}".replace("= <", "<")
        case Correlation(pearson=r):
            return f"r = {decimal(view, r)}"
        case Sobyanin(pooled=line):
            return f"b = {decimal(view, line.slope)}"
        case CleanPeak(estimate=estimate):
            return view.n(round(estimate.votes))
        case KlimekFirstStage(tau=tau, nu=nu):
            return f"{decimal(view, 100 * tau, 0)}; {decimal(view, 100 * nu, 0)}"
        case Kernel(turnout=turnout, share=share):
            return f"{turnout}; {share}"
        case VoteRate(skewness=skewness, kurtosis=kurtosis):
            return f"{decimal(view, skewness)}; {decimal(view, kurtosis)}"
        case SecondDigit(mean=mean):
            return decimal(view, mean, 3)
        case Fingerprint(both_above_95=corner):
            return view.n(corner)
        case KlimekFit(best=best):
            return decimal(view, 100 * best.incremental, 1)
        case Spikes(excess=excess):
            return f"F = {decimal(view, excess)}"
        case Swapped(found=found) | Kireev(found=found):
            return view.n(len(found))
        case MachineCounts() | LateShift():
            return "" if answer.z is None else f"z = {decimal(view, answer.z)}"
        case _:
            return ""


def sentence(view: Speaks, outcome: Outcome) -> Markup:
    """What was measured."""
    match outcome.answer.result:
        case IntegerPercentages(either=either, share=share, turnout=turnout, sample=sample):
            return view.say(
                "%(hits)s of %(used)s stations show a whole percentage in turnout, in the share, or both; chance gives "
                "%(expected)s (z = %(z)s; share alone %(share)s, turnout alone %(turnout)s).",
                hits=view.n(either.hits),
                used=view.n(sample.used),
                expected=decimal(view, either.expected, 1),
                z=decimal(view, either.z),
                share=decimal(view, share.z),
                turnout=decimal(view, turnout.z),
            )
        case LastDigit(observed=observed, threshold=threshold, zero_or_five=fives):
            return view.say(
                "Of %(counts)s counts of at least %(threshold)s, %(seen)s end in 0 or 5; redrawn counts give "
                "%(expected)s.",
                counts=view.n(int(observed.sum())),
                threshold=view.n(threshold),
                seen=view.n(round(fives.observed * int(observed.sum()))),
                expected=decimal(view, fives.expected * int(observed.sum()), 1),
            )
        case result:
            return _described(view, result)


def _described(view: Speaks, result: object) -> Markup:  # noqa: PLR0911, PLR0912 - one sentence per test
    match result:
        case Fingerprint(full_turnout=full, both_above_95=corner):
            return view.say(
                "%(full)s stations show a turnout of exactly 100 percent, %(corner)s a turnout and a share of at least "
                "95 "
                "percent each.",
                full=view.n(full),
                corner=view.n(corner),
            )
        case Correlation(pearson=pearson, within_areas=None):
            return view.say("Over all stations the correlation is %(r)s.", r=decimal(view, pearson))
        case Correlation(pearson=pearson, within_areas=within):
            return view.say(
                "Over all stations the correlation is %(r)s, within areas %(within)s.",
                r=decimal(view, pearson),
                within=decimal(view, within or 0.0),
            )
        case Sobyanin(pooled=pooled, within_areas=None, share=share):
            return view.say(
                "The votes rise by %(slope)s per additional voter, beside a share of %(share)s in all ballots (1 is "
                "all).",
                slope=decimal(view, pooled.slope),
                share=decimal(view, share),
            )
        case Sobyanin(pooled=pooled, within_areas=within, share=share):
            return view.say(
                "The votes rise by %(slope)s per additional voter, within areas by %(within)s, beside a share of "
                "%(share)s "
                "in all ballots (1 is all).",
                slope=decimal(view, pooled.slope),
                within=decimal(view, within.slope if within else 0.0),
                share=decimal(view, share),
            )
        case CleanPeak(peak=peak, estimate=estimate, low=low, high=high, leader_votes=votes):
            return view.say(
                "The others' votes peak at a turnout of %(peak)s percent. Beside their ratio there, %(estimate)s of "
                "the "
                "leader's %(votes)s votes are out of proportion (%(low)s to %(high)s, depending on how the peak is "
                "taken).",
                peak=view.n(peak),
                estimate=view.n(round(estimate.votes)),
                votes=view.n(votes),
                low=view.n(round(low)),
                high=view.n(round(high)),
            )
        case KlimekFirstStage(tau=tau, nu=nu):
            return view.say(
                "Turnout has its first peak at %(turnout)s percent, the share at %(share)s percent.",
                turnout=decimal(view, 100 * tau, 1),
                share=decimal(view, 100 * nu, 1),
            )
        case Kernel(turnout=turnout, share=share):
            return view.say(
                "Most voters' stations lie around a turnout of %(turnout)s percent and a share of %(share)s percent.",
                turnout=view.n(turnout),
                share=view.n(share),
            )
        case VoteRate(skewness=skewness, kurtosis=kurtosis):
            return view.say(
                "Skewness %(skewness)s and kurtosis %(kurtosis)s; a normal curve has 0 and 3.",
                skewness=decimal(view, skewness),
                kurtosis=decimal(view, kurtosis),
            )
        case SecondDigit(mean=mean, expected_mean=expected):
            return view.say(
                "Their mean is %(mean)s; redrawn counts give %(expected)s.",
                mean=decimal(view, mean, 3),
                expected=decimal(view, expected, 3),
            )
        case KlimekFit(best=best, incremental_range=(low, high), misfit=misfit):
            return view.say(
                "It comes nearest with %(incremental)s percent of stations of its incremental kind (%(low)s to "
                "%(high)s) "
                "and %(extreme)s percent of its extreme kind; %(misfit)s percent of stations lie elsewhere than it "
                "says.",
                incremental=decimal(view, 100 * best.incremental, 1),
                low=decimal(view, 100 * low, 1),
                high=decimal(view, 100 * high, 1),
                extreme=decimal(view, 100 * best.extreme, 1),
                misfit=decimal(view, 100 * misfit, 1),
            )
        case Spikes(excess=excess, expected=expected, peaks=peaks):
            return view.say(
                "%(excess)s percent of the stations are in excess at coarse shares (%(peaks)s of them); smoothly "
                "redrawn "
                "elections give %(expected)s percent.",
                excess=decimal(view, excess),
                peaks=view.n(len(peaks)),
                expected=decimal(view, expected),
            )
        case Swapped(found=found, placebo=placebo, far=far):
            return view.say(
                "%(found)s stations lie more than %(far)s spreads off as entered and fit with both options turned "
                "round; the mirrored rule names %(placebo)s.",
                found=view.n(len(found)),
                far=decimal(view, far, 0),
                placebo=view.n(placebo),
            )
        case Kireev() | MachineCounts() | LateShift() | Flows() | Mixture() as scan:
            # Only from a table of somebody's own, never on a publication: in the words of the result.
            return Markup("{}").format(scan.measured())
        case BackSolved(all_come_out=True):
            return view.say("Every total is a rounded percentage of the ballots, to one decimal.")
        case _:
            return view.say("Not every total is a rounded percentage of the ballots.")
