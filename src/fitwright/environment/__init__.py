"""Makes an environment rebuildable (``lock``) and examines it (``doctor``). Never imports torch."""
