"""How fast dcmenc is beside other readers and writers of DICOM: ``python -m benchmarks`` runs every case, ``--help`` says more.

``cases.py`` holds what is written, ``sources.py`` what is read and ``reading.py`` what is done with it; ``pixel_cases.py`` and
``frames.py`` are the same for pixels; ``terms.py`` has the words for both. ``peer_*.py`` is who does it (each in a fresh process,
``worker.py``; ``peers.py`` finds those that may be missing, ``pixels_dcmenc.py`` is dcmenc's part in pixels), ``checks.py`` and
``pixel_checks.py`` whether the same was written or read (``transcript.py``), ``scaling.py`` the cost per element, ``memory.py`` what a
file of 10 GB takes, ``report.py`` the tables. Only ratios taken in one run count.
"""
