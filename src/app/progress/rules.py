"""The rules of snapshots that are not SQL: which day stands for a period."""

import datetime as dt


def first_day(period: str, date: dt.date) -> dt.date:
    """The first day of the period that a date is in: the Monday, the 1st, 1 January; of a day itself."""
    match period:
        case "weekly":
            return date - dt.timedelta(days=date.weekday())
        case "monthly":
            return date.replace(day=1)
        case "yearly":
            return date.replace(month=1, day=1)
        case _:
            return date
