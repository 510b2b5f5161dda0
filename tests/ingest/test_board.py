"""What the watchdog reads of a parser process, at whatever moment it looks."""

from core.ingest.board import Board, Work


def test_work_is_seen_with_its_plugin_and_ends(tmp_path):
    mine, theirs = Board(tmp_path / "board"), Board(tmp_path / "board")
    mine.begin(7)
    mine.name("generic")

    assert (7, "generic") == (theirs.read().payload_id, theirs.read().instance)
    assert 0 < theirs.read().seconds() < 60
    mine.end()
    assert 0.0 == theirs.read().seconds()


def test_a_reader_that_meets_the_writer_between_two_words_sees_no_hang():
    # the payload's number is there, its time is still that of "idle": 29,595 s were read once, on a loaded machine
    assert 0.0 == Work(payload_id=70656, since_ns=0, instance="").seconds()


def test_news_are_counted(tmp_path):
    board = Board(tmp_path / "board")
    before = board.news()
    board.tell()

    assert before + 1 == Board(tmp_path / "board").news()
