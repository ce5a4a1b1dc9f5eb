"""What a program that predicts says, and which stream gets the predictions. Nothing here needs TensorFlow."""
import os
import stat

from runtime import run_files
from runtime.cells import one_line, shown


def stream_of(output, stream):
    """The stream that predictions go to whole; None where a reader is shown a few.

    Args:
      output: what --output names, or None.
      stream: standard output; None where it was closed.
    """
    if not prints_rows(output, stream):
        return None
    if hasattr(stream, "reconfigure") and not stream.isatty():
        stream.reconfigure(encoding="utf-8")  # as the files
    return stream


def prints_rows(output, stream):
    """Whether predictions go to standard output whole, and not only a few for a reader; arguments as of `stream_of`."""
    if output is not None or stream is None:
        return output == run_files.STDOUT
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except OSError:  # no file of the system's
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def tell(found, stream, min_confidence=None):
    """Says how a predicting.Prediction ended; with its first rows where no stream got them all."""
    if not stream:
        for text, label, probability in found.examples:
            print("  %3.0f%% %s: %s" % (100 * probability, one_line(label), one_line(text)[:90]))
    if found.blank:
        print("%d of %d rows are blank: they have no prediction" % (found.blank, found.rows))
    if min_confidence is not None:
        decided = found.rows - found.blank
        print("%d of %d rows are undecided (--min_confidence=%g)" % (found.undecided, decided, min_confidence))
    if found.cut:
        print(
            "%d of %d texts were cut to %d tokens (--max_seq_length)"
            % (found.cut, found.rows - found.blank, found.max_seq_length)
        )
    if found.doubt:
        print("note: %s" % found.doubt)
    print("%d predictions: %s" % (found.rows - found.blank, shown(found.path or "standard output")))
