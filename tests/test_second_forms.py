"""The second forms of statements, which only a cluster gets (docs/decisions/0059): the tests of the first, and the texts."""

import re

import second_forms
import test_blog_entries
import test_consents
import test_maintain
import test_media
import test_media_links
import test_progress
from second_forms import api  # noqa: F401 - what the tests speak to
from statements import STATEMENTS

pytestmark = second_forms.not_on_a_cluster

# workouts.create_distributed() does without: it wants its steps sent one after the other, as Citus does.
for _module, _names in {
    test_blog_entries: "slug|search|views|reads_back|sent_again",
    # The user is locked by another lock, which the test of a withdrawal does not look for.
    test_consents: "^(?!.*withdrawal)",
    test_maintain: "folded",
    test_media: "reads_back|quota|upload|account",
    test_media_links: "link",
    test_progress: "",
}.items():
    globals().update(second_forms.taken(_module, _names))


def _steps(sql: str) -> dict[str, str]:
    """The steps of a statement, `name as (...)`, with what they do."""
    found = {}
    for step in re.finditer(r"(?m)^(?:with (?:recursive )?)?(\w+)(?: \([\w, ]+\))? as (?:not )?(?:materialized )?\(", sql):
        depth = 1
        for end in re.finditer(r"[()]", sql[step.end() :]):
            depth += 1 if end[0] == "(" else -1
            if depth == 0:
                found[step[1]] = sql[step.end() : step.end() + end.start()].strip()
                break
    return found


DIFFERENT = {
    "blog_entries.find.matched": "walks over the newest rows are not for Citus",
    "conversations.page_found.matched": "as blog_entries.find",
    "conversations.page_found.found_conversation": "as blog_entries.find",
    "credits.fold_transactions.bounded_account": "Citus takes no lateral join of a step with a table",
    "media.create.forgotten_deletion": "it comes after the insert",
    "search.hits.matched": "as blog_entries.find",
    "workouts.create.inserted_exercise": "it is joined with the workout, whose worker it goes to",
}
"""Steps that have one name in both forms of a statement, and are not the same."""


def test_steps_of_one_name_are_the_same_in_both_forms() -> None:
    different = set()
    for each in STATEMENTS:
        if (second := each.query.distributed) is not None:
            (other,) = (statement for statement in STATEMENTS if statement.query is second)
            mine, its = _steps(each.body), _steps(other.body)
            different |= {f"{each.file}.{each.name}.{name}" for name in mine.keys() & its.keys() if mine[name] != its[name]}
    assert different == DIFFERENT.keys()
