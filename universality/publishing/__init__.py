"""Results to folders and files that are whole or absent."""

from universality.publishing.input_paths import paths_of
from universality.publishing.publication import publish, publish_made
from universality.publishing.single_files import publish_calibration, publish_label
from universality.publishing.study_folder import publish_assignments, publish_stability
from universality.publishing.training_figures import draw_training

__all__ = [
    "draw_training",
    "paths_of",
    "publish",
    "publish_assignments",
    "publish_calibration",
    "publish_label",
    "publish_made",
    "publish_stability",
]
