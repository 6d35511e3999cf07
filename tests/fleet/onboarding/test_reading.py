"""What a file of clients may look like."""

import csv
import io

import pytest

from controlplane.problems import Invalid
from fleet.client_templates import actions as templates
from fleet.onboarding import imports
from fleet.onboarding.lines import COLUMNS, LARGEST_TEXT, MOST_LINES, SAMPLE, read

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name\nJuniper\n",
        "external_id,name,colour\n1,Juniper,red\n",
        "external_id,name,name\n1,a,b\n",
        "external_id,name\n",
        'external_id,name\n1,"never closed\n',
        "external_id,name\n" + "".join(f"c{n},Client {n}\n" for n in range(MOST_LINES + 1)),
        "external_id,name\n1," + "x" * LARGEST_TEXT,
    ],
    ids=["nothing", "no id", "unknown column", "twice", "no line", "quote", "too many", "too large"],
)
def test_what_is_no_such_file_is_refused_as_a_whole(text):
    with pytest.raises(Invalid) as refused:
        read(text, {})
    assert refused.value.field == "csv"
    assert "Nothing was made." in refused.value.detail


def test_files_of_spreadsheets_are_read(msp):
    (line,) = read('\ufeffExternal_ID;Name;administrators\r\n"crm-1";"Juniper; Dental";"a@x.example"\r\n;;\r\n', {})
    assert (line.number, line.wanted.name, line.wanted.administrators) == (2, "Juniper; Dental", ("a@x.example",))
    assert not line.faults


def test_a_line_with_too_few_cells_says_so():
    (line,) = read("external_id,name,tenant\ncrm-1,Juniper\n", {})
    assert [fault.field for fault in line.faults] == [""]


def test_the_sample_is_a_file_that_can_be_read(msp, as_paula, offices):
    templates.create(by=as_paula, msp=msp, name="Small offices", settings={})
    assert [each.line.faults for each in imports.preview(by=as_paula, msp=msp, text=SAMPLE)] == [(), (), ()]
    assert tuple(next(csv.reader(io.StringIO(SAMPLE)))) == COLUMNS
