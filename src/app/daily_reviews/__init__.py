"""Daily reviews: how a day was, one per day."""
