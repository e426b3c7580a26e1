"""The status site: it reads documents, and shows what they say until they are too old.

``documents``  the folder of documents that a run leaves behind, read whole
``findings``   what of a finding is public, and what to do about it
``unseen``     what is not known, by name; it withholds the grade
``status``     the document ``index.json``
``words``      the same in plain words
``page``       the document as one self-contained ``index.html``
``timeline``, ``releases``, ``badges``, ``feed``, ``sbom``, ``schemas``   the other files, one each
``site_files`` all files of the site; ``names`` names those that others choose
``store``      the folder: at every moment one whole build
``build``      documents in, site out; the last good one, marked, when an update fails
``site``       builds and serves them for a project at hand

The grade itself is pure and is made in :mod:`release.decide.grade`, as the policy may rest on it.
"""
