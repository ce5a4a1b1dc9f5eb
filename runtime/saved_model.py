"""Models for a server: graph, weights and signatures in a folder."""
from runtime.compat import tf


def write(session, inputs, outputs, folder, more=None):
    """Writes the session's graph and all its variables as a SavedModel; its tables are initialised when it is loaded.

    Args:
      session: tf.Session with the weights.
      inputs, outputs: {name: tensor} of the signature that is the default of serving.
      folder: to make; or an empty one.
      more: {name of a further signature: (inputs, outputs)}.

    Raises:
      OSError or tf.errors.OpError: the folder cannot be written.
    """
    default = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    signatures = dict(more or {}, **{default: (inputs, outputs)})
    has_tables = bool(session.graph.get_collection(tf.GraphKeys.TABLE_INITIALIZERS))
    with session.graph.as_default():
        main_op = tf.tables_initializer() if has_tables else None
    builder = tf.saved_model.Builder(folder)
    builder.add_meta_graph_and_variables(
        session,
        [tf.saved_model.tag_constants.SERVING],
        {name: tf.saved_model.predict_signature_def(*signature) for name, signature in signatures.items()},
        main_op=main_op,
        strip_default_attrs=True,
    )
    builder.save()
