"""Run time: the one door to Theano, errors, configuration, progress and atomic files."""
