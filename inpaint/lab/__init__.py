"""What is done with fills: compared, varied, repeated, voted on; pictures extended and blended. Knows no page."""
