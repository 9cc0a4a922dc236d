"""An HTTP service for one bundle: settings, batcher, application, server. Needs the ``serve`` extra only."""
