"""How fast dcmenc is beside other writers of DICOM: ``python -m benchmarks`` runs every case, ``--help`` says more.

``cases.py`` holds what is written, ``peer_*.py`` who writes it (each in a fresh process, ``worker.py``), ``checks.py``
whether the same was written, ``scaling.py`` the cost per element, ``report.py`` the tables. Only ratios taken in one run count.
"""
