"""How fast dcmenc is beside other readers and writers of DICOM: ``python -m benchmarks`` runs every case, ``--help`` says more.

``cases.py`` holds what is written, ``sources.py`` what is read and ``reading.py`` what is done with it, ``peer_*.py`` who does it
(each in a fresh process, ``worker.py``), ``checks.py`` whether the same was written or read (``transcript.py``), ``scaling.py``
the cost per element, ``report.py`` the tables. Only ratios taken in one run count.
"""
