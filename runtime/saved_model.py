"""Models for a server: graph, weights and one signature in a folder."""
from runtime.compat import tf


def write(session, inputs, outputs, folder):
    """Writes the session's graph and all its variables as a SavedModel whose one signature is the default of serving.

    Args:
      session: tf.Session with the weights.
      inputs, outputs: {name: tensor} of the signature.
      folder: to make; or an empty one.

    Raises:
      OSError or tf.errors.OpError: the folder cannot be written.
    """
    builder = tf.saved_model.Builder(folder)
    builder.add_meta_graph_and_variables(
        session,
        [tf.saved_model.tag_constants.SERVING],
        {
            tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY: (
                tf.saved_model.predict_signature_def(inputs, outputs)
            )
        },
        strip_default_attrs=True,
    )
    builder.save()
