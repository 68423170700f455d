"""HTTP, from bytes to a handler and back: routing, strict input, conditions, answers, errors, the document. Knows no table."""
