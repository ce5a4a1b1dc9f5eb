"""Supervised tasks from labelled data: GLUE, SNLI, any labelled file, Hugging Face data sets."""
