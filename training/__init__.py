"""Graphs and sessions around the learner: fine-tuning one task, and loops over many with checkpoints between."""
