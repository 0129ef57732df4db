from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from hemline.cli import app
from hemline.config import Config
from hemline.errors import ConfigError, UnknownIdError
from hemline.photos.base import photo_path
from hemline.pipeline import run_stages
from hemline.report.pictures import (
    COLOURS,
    Album,
    customer_picture,
    sample_picture,
    similar_picture,
    write_picture,
)
from hemline.service import Recommender
from hemline.shop.source import Shop


@pytest.fixture(scope="module")
def run(simulated_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    config = Config.of(
        {"recipe": "cascade", "photos": {"embedder": "descriptor"}, "evaluate": {"folds": 0}}
    )
    shop = Shop.from_folder(simulated_shop, config.ingest)
    return Recommender(run_stages(tmp_path_factory.mktemp("drawn") / "run", config, shop))


def ids_with_similar(run: Recommender) -> list[str]:
    places = np.flatnonzero(run.neighbours.articles[:, 0] >= 0)
    return [run.tables.article_ids.id(int(one)) for one in places]


def test_the_article_stands_first_and_each_photo_is_the_right_one(run: Recommender) -> None:
    article = ids_with_similar(run)[3]
    page = similar_picture(run, article)
    album = Album(run)
    cell, height = 180, 240
    # the heading, then the article; two rows of five follow, one below the other
    assert page.crop((20, 46, 20 + cell, 46 + height)).tobytes() == (
        album.photo(article, cell, height).tobytes()
    )
    similar = run.similar(article)
    assert len(similar) == 10
    assert page.width == 40 + 5 * cell + 4 * 10
    pixels = np.asarray(page)
    fifth = np.asarray(album.photo(similar[4].article_id, cell, height))
    column = pixels[:, 20 + 4 * (cell + 10) :][:, :cell]
    found = [
        top
        for top in range(page.height - height)
        if np.array_equal(column[top : top + height], fifth)
    ]
    assert len(found) == 1


def test_who_has_no_photo_is_drawn_in_the_products_colour(run: Recommender) -> None:
    images = Path(run.run.source["images"]["path"])
    ids = [run.tables.article_ids.id(i) for i in range(len(run.tables.article_ids))]
    missing = next(one for one in ids if not photo_path(images, one).exists())
    place = run.tables.article_ids.position(missing)
    name = run.tables.articles.column("perceived_colour_master_name")[place].as_py()
    drawn = Album(run).photo(missing, 90, 120)
    corner = "#{:02x}{:02x}{:02x}".format(*np.asarray(drawn)[5, 5])
    assert corner == COLOURS[name.lower()]
    assert similar_picture(run, missing).height > 100  # itself alone


def test_a_sample_follows_from_its_seed(run: Recommender) -> None:
    one = sample_picture(run, 3, seed=4)
    assert one.tobytes() == sample_picture(run, 3, seed=4).tobytes()
    assert one.tobytes() != sample_picture(run, 3, seed=5).tobytes()
    assert one.width == 40 + 11 * (96 + 10) - 10
    everyone = len(ids_with_similar(run))
    assert sample_picture(run, 10**6, seed=1).height > everyone * 96


def test_a_customers_page_shows_purchases_and_recommendations(run: Recommender) -> None:
    lengths = run.tables.histories.lengths
    most = run.tables.customer_ids.id(int(np.argmax(lengths)))
    page = np.asarray(customer_picture(run, most))
    first = run.recommend(most)[0]
    photo = np.asarray(Album(run).photo(first.article_id, 150, 200))
    left = page[:, 20 : 20 + 150]
    assert any(np.array_equal(left[top : top + 200], photo) for top in range(len(left) - 200))
    nobody = run.tables.customer_ids.id(int(np.argmin(lengths)))
    assert lengths.min() == 0
    assert customer_picture(run, nobody).height < len(page)
    with pytest.raises(UnknownIdError):
        customer_picture(run, "none such")


def test_a_corrupt_photo_is_shown_as_missing(run: Recommender, tmp_path: Path) -> None:
    album = Album(run)
    article = ids_with_similar(run)[0]
    album.folder = tmp_path
    path = photo_path(tmp_path, article)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xff\xd8 no picture")
    corrupt = album.photo(article, 60, 80)
    path.unlink()
    assert corrupt.tobytes() == album.photo(article, 60, 80).tobytes()


def test_the_commands_write_what_is_asked(run: Recommender, tmp_path: Path) -> None:
    runner = CliRunner()
    folder, article = str(run.run.path), ids_with_similar(run)[0]
    customer = run.tables.customer_ids.id(0)
    for i, asked in enumerate(
        (
            ["similar", folder, "--article", article],
            ["similar", folder, "--sample", "2", "--seed", "3"],
            ["recommend", folder, "--customer", customer],
        )
    ):
        path = tmp_path / f"{i}.png"
        done = runner.invoke(app, [*asked, "--picture", str(path)])
        assert done.exit_code == 0, done.output
        with Image.open(path) as picture:
            assert picture.width > 200
    for wrong in (
        ["similar", folder],
        ["similar", folder, "--sample", "2"],
        ["similar", folder, "--article", article, "--sample", "2"],
        ["recommend", folder, "--basket", article, "--picture", str(tmp_path / "x.png")],
    ):
        with pytest.raises(ConfigError):
            runner.invoke(app, wrong, catch_exceptions=False)
    with pytest.raises(ConfigError, match="no kind of picture"):
        write_picture(Image.new("RGB", (2, 2)), tmp_path / "x.nothing")
