"""How many cores there are to work on. Nothing here needs TensorFlow."""
import os


def cores():
    """Number of CPU cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
