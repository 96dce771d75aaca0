from data_prep.job.progress import ProgressDisplay, ProgressReport, total_progress


def test_reports_of_all_workers_add_up(tmp_path):
    ProgressReport(str(tmp_path), "a").update({"bytes": 3, "documents": 1})
    ProgressReport(str(tmp_path), "b").update({"bytes": 4, "shards": 0.5})
    assert total_progress(str(tmp_path)) == {"bytes": 7, "documents": 1, "shards": 0.5}


def test_reports_that_follow_at_once_are_left_out_but_for_the_last(tmp_path):
    report = ProgressReport(str(tmp_path), "a")
    report.update({"bytes": 1})
    report.update({"bytes": 2})
    assert total_progress(str(tmp_path)) == {"bytes": 1}
    report.update({"bytes": 3}, is_last=True)
    assert total_progress(str(tmp_path)) == {"bytes": 3}


def test_a_damaged_report_is_passed_over(tmp_path):
    (tmp_path / "a.json").write_text("{")
    assert total_progress(str(tmp_path)) == {}


def test_the_display_shows_bytes_documents_rejects_then_shards(tmp_path, capsys):
    with ProgressDisplay(str(tmp_path), bytes_total=10, shards_total=4, shards_done=1):
        reading = ProgressReport(str(tmp_path), "unit")
        reading.update({"bytes": 10, "documents": 7, "rejects": 2}, is_last=True)
        writing = ProgressReport(str(tmp_path), "shard")
        writing.update({"shards": 3, "sequences": 55}, is_last=True)
    text = capsys.readouterr().err
    assert "documents=7, rejects=2" in text
    assert "4.0/4 shards" in text
    assert "sequences=55" in text


def test_a_job_that_is_over_before_the_first_look_is_shown_all_the_same(tmp_path, capsys):
    ProgressReport(str(tmp_path), "unit").update({"bytes": 10, "documents": 7}, is_last=True)
    display = ProgressDisplay(str(tmp_path), bytes_total=10, shards_total=1, shards_done=0)
    display._stop.set()
    display._watch()
    assert "documents=7" in capsys.readouterr().err


def test_the_display_forgets_reports_of_an_earlier_run(tmp_path):
    ProgressReport(str(tmp_path), "old").update({"bytes": 99})
    with ProgressDisplay(str(tmp_path), bytes_total=10, shards_total=1, shards_done=0):
        pass
    assert total_progress(str(tmp_path)) == {}
