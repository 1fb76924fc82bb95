"""Metrics of texts without a model."""
