"""The learner: heads, learned rates, the inner loop of a task, the fine-tuning step. Sees no data, files or flags."""
