"""Processes that end with the one that started them, however that ended. Nothing here needs TensorFlow."""
import os
import threading
import time

SECONDS_BETWEEN_LOOKS = 0.5


def end_with(parent):
    """Makes this process end when the process with the number `parent`, which started it, has ended.

    A killed process cannot tell its children. They look for themselves: a signal that Linux would send (prctl) comes
    already when the thread of the parent ends that started them, and other systems have none.
    """

    def watch():
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
