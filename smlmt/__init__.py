"""Few-shot text classification with a meta-trained BERT: the face for Python programs."""

from runtime import collector

__version__ = "1.0.0"
__all__ = ["FewShotClassifier"]


def __getattr__(name):
    """FewShotClassifier, which brings TensorFlow and scikit-learn when it is asked for (PEP 562)."""
    if name != "FewShotClassifier":
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    with collector.paused():
        from smlmt.few_shot_classifier import FewShotClassifier  # here, for the reason above

    return FewShotClassifier
