"""What an admin reads of all users, with the second forms of statements: the tests have a `sql` of their own."""

import second_forms
import test_roles
from second_forms import api  # noqa: F401 - what the tests speak to

pytestmark = second_forms.not_on_a_cluster

globals().update(second_forms.taken(test_roles, "agrees"))
