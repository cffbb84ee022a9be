"""Published columns are an interface: none is ever dropped or renamed. Whoever adds one adds it here, last."""

from __future__ import annotations

import io

import polars as pl
import pytest

from counterfoil.publish.columns import TABLES
from counterfoil.publish.frames import frame
from counterfoil.publish.model import Publication
from tests.publish_data import reference

PINNED = {
    "stations": "station area name kind registered latitude longitude replaced_by stratum cluster",
    "results_wide": "contest station area name kind registered state basis copies entries comparison difference base",
    "results_long": "contest station area field option value value_state votes official state",
    "copies": "copy station form page kind persons machines released entry",
    "comparison": "contest snapshot station area state comparison difference",
    "coverage": "contest group id name expected received read confirmed disputed compared registered_counted "
    "registered",
    "areas": "contest area parent name kind deadline expected received read confirmed disputed compared "
    "registered_counted registered option votes stations base_kind base counted_share bias total total_source "
    "upper_votes lower_share upper_share official",
    "findings": "finding key contest code severity area single option value threshold excess stations gated_out "
    "flip_set_size snapshot numbers entries",
    "finding_stations": "finding code contest station value threshold gated_out in_flip_set",
    "changes": "previous_size contest station change columns",
    "official": "contest snapshot announced_at source unit id item value remark entry",
    "reports": "contest station area option reports entry",
    "estimates": "contest refused reason design frame_stations drawn received confidence option base_kind share low "
    "high standard_error design_effect",
}
OF_THE_ELECTION = (
    "votes.ada votes.bob votes.none official.ada official.bob official.none field.voters field.voters.state field.good "
    "field.good.state field.ada field.ada.state field.bob field.bob.state field.none field.none.state"
)


def test_no_table_was_dropped() -> None:
    assert list(TABLES) == list(PINNED)


@pytest.mark.parametrize("name", PINNED)
def test_no_column_was_dropped_or_renamed(three: Publication, name: str) -> None:
    expected = PINNED[name].split() + (OF_THE_ELECTION.split() if name == "results_wide" else [])
    assert frame(three, name).columns == expected


@pytest.mark.parametrize("name", PINNED)
def test_every_column_is_described_and_has_the_described_type(three: Publication, name: str) -> None:
    types = {"string": pl.String, "integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean}
    for column, kind in frame(three, name).schema.items():
        described = TABLES[name].describe(column)
        assert kind == types[described.type], column
        assert described.description.endswith(".")


@pytest.mark.parametrize("name", PINNED)
def test_the_key_of_a_table_names_one_row(three: Publication, name: str) -> None:
    rows, key = frame(three, name), list(TABLES[name].key)
    assert not key or not rows.select(key).is_duplicated().any()


def test_the_twins_say_the_same(package: dict[str, bytes]) -> None:
    for name, table in TABLES.items():
        parquet = pl.read_parquet(io.BytesIO(package[f"data/{name}.parquet"]))
        from_csv = pl.read_csv(package[f"data/{name}.csv"], schema=parquet.schema)
        free = [c for c in parquet.columns if c in table.free_text]
        assert from_csv.drop(free).equals(parquet.drop(free))
        for column in free:
            unguarded = from_csv[column].str.replace(r"^'([=+\-@\t\r])", "${1}")
            assert unguarded.equals(parquet[column]), column


def test_the_document_lists_every_column_as_it_is() -> None:
    text = reference.DOCUMENT.read_text("utf-8")
    assert reference.with_reference(text) == text
