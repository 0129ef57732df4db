"""A simulated shop: articles, customers, purchases and photos with H&M's regularities."""

from hemline.shop.simulate.shop import simulate

__all__ = ["simulate"]
