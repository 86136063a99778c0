"""How alike two latents are: the interface that matching reads, and the similarities behind it."""

from universality.similarity.clipped import Clipped
from universality.similarity.cosine import Cosine
from universality.similarity.interface import Index, Similarity, Transposed
from universality.similarity.others import Others

__all__ = ["Clipped", "Cosine", "Index", "Others", "Similarity", "Transposed"]
