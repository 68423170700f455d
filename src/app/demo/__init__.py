"""Demo: an account with a year of plausible data, to look at the API, the pages of an app and their speed with."""
