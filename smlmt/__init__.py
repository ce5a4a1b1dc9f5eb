"""Few-shot text classification with a meta-trained BERT: the face for Python programs."""
from smlmt.few_shot_classifier import FewShotClassifier

__all__ = ["FewShotClassifier"]
