"""The tests of conversations with the second forms of statements: they have an `ada` of their own."""

import second_forms
import test_conversations
from second_forms import api  # noqa: F401 - what the tests speak to

pytestmark = second_forms.not_on_a_cluster

globals().update(second_forms.taken(test_conversations, "search|found"))
