"""What each metric means: the HELP texts of `/metrics`, and `docs/metrics.md`."""

SUPERVISOR = {
    "shadowbench_build_info": "Always 1; the label `version` says what runs.",
    "shadowbench_role_up": "1 when the role works, 0 when it starts, waits or drains. Labels: role, name.",
    "shadowbench_role_restarts_total": "Starts of the role after its first. Labels: role, name.",
    "shadowbench_paused": "1 while the candidate gets no copies because somebody paused it, else 0. Label: candidate.",
    "shadowbench_requests_total": "Requests by the state in which they are counted, per candidate: received, the "
    "states of the documentation, admitted (on its way to a pair) and ended (all of it in the log). "
    "Labels: worker, candidate, state.",
    "shadowbench_boards_read_timestamp_seconds": "When the workers' counters were last read, as Unix time; an old "
    "one means that the disk of `capture.dir` does not answer.",
    "shadowbench_boards_unreadable": "Files of counters in `capture.dir` that could not be read the last time.",
    "shadowbench_budget_usd": "Dollars that the candidate may cost per day (UTC) on all machines of the store. Label: "
    "candidate.",
    "shadowbench_budget_spent_usd": "Dollars that it has cost today on all of them, as far as costs are known; absent "
    "while there is no fresh reading of the store, and then it gets no copies. Label: candidate.",
    "shadowbench_budget_unpriced_copies": "Whole answers of today whose cost is unknown; a single one stops copies "
    "until midnight UTC, or until the minute after `price` or the model was changed: set `price`, or see that the "
    "candidate reports its usage. Label: candidate.",
    "shadowbench_rate_limit_per_minute": "Copies per minute that the candidate may get from all machines. Label: "
    "candidate.",
    "shadowbench_lease_unused_copies": "Copies that the workers of this machine may still begin by what they were "
    "granted last. Label: candidate.",
    "shadowbench_lease_refused_copies_total": "Copies that a limit shared by workers kept back: dollars, rate, or "
    "copies under way. Only of candidates with a budget or a rate. Label: candidate.",
    "shadowbench_lease_reading_age_seconds": "Age of what is known of the spend; beyond 9 nothing is granted. Its "
    "boards may lag, so it begins at 3.",
    "shadowbench_lease_machines": "Machines that share budgets and rates, this one included.",
}
"""Said by the supervisor itself."""

PROXY = {
    "shadowbench_client_connections_total": "Connections of clients accepted.",
    "shadowbench_client_connections_open": "Connections of clients open now.",
    "shadowbench_client_requests_refused_total": "Requests that shadowbench answered itself because of their form. "
    "Label: reason (bad_request, timeout, head_too_large, body_too_large, internal).",
    "shadowbench_tunnels_open": "WebSockets open now between clients and the primary.",
    "shadowbench_tunnel_bytes_total": "Bytes through WebSockets. Label: direction (to_primary, to_client).",
    "shadowbench_primary_requests_open": "Primary legs under way now.",
    "shadowbench_primary_connections": "Connections to the primary now. Label: state (idle, in_use, connecting).",
    "shadowbench_primary_connections_made_total": "Connections to the primary made.",
    "shadowbench_primary_connections_reused_total": "Primary legs that began on an idle connection.",
    "shadowbench_reads_paused_total": "Reads after which a leg had to wait for the loop's next turn, because more was "
    "read in one turn than others can wait for. Label: legs (primary, copies).",
    "shadowbench_primary_responses_total": "Answers of the primary by class of status. Label: class.",
    "shadowbench_primary_first_byte_seconds": "Histogram over all workers: from the last byte of the request to the "
    "first byte of the primary's body.",
    "shadowbench_primary_duration_seconds": "Histogram over all workers: from the last byte of the request to the last "
    "byte of the primary's answer, of those that came whole.",
    "shadowbench_added_overhead_seconds": "Histogram over all workers: time that shadowbench added to a primary leg, "
    "between the client's last byte and the primary's, and back.",
    "shadowbench_client_request_body_bytes_total": "Bytes of request bodies of clients, in requests that were "
    "passed on.",
    "shadowbench_client_response_body_bytes_total": "Bytes of the primary's bodies on their way to clients.",
    "shadowbench_primary_legs_total": "Primary legs by how they ended. Label: outcome.",
    "shadowbench_candidate_legs_open": "Candidate legs under way now.",
    "shadowbench_candidate_connections": "Connections to candidates now. Labels: candidate, state (idle, in_use, "
    "connecting).",
    "shadowbench_candidate_connections_made_total": "Connections to candidates made. Label: candidate.",
    "shadowbench_candidate_connections_reused_total": "Copies that began on an idle connection. Label: candidate.",
    "shadowbench_candidate_legs_total": "Candidate legs by how they ended. Labels: candidate, outcome.",
    "shadowbench_candidate_responses_total": "Answers of a candidate by class of status. Labels: candidate, class.",
    "shadowbench_candidate_first_byte_seconds": "Histogram over all workers: from the last byte of the copy to the "
    "first byte of the candidate's body. Label: candidate.",
    "shadowbench_candidate_duration_seconds": "Histogram over all workers: from the last byte of the copy to the last "
    "byte of the candidate's answer, of those that came whole. Label: candidate.",
    "shadowbench_candidate_request_body_bytes_total": "Bytes of the bodies of copies. Label: candidate.",
    "shadowbench_candidate_response_body_bytes_total": "Bytes of the bodies of a candidate's answers. "
    "Label: candidate.",
    "shadowbench_breaker_state": "0 while the candidate gets copies, 2 while it is left alone because too many failed, "
    "1 while one is tried. Label: candidate.",
    "shadowbench_breaker_openings_total": "How often the candidate was left alone because too many copies had failed. "
    "Label: candidate.",
    "shadowbench_primary_pressure": "1 while candidates that share a host or a key with the primary get no copies, "
    "because it is short of room; else 0.",
    "shadowbench_loop_lag_peak_seconds": "Largest lag of the worker's event loop in the last second.",
    "shadowbench_capture_queued_bytes": "Bytes of the capture log that wait for the disk.",
    "shadowbench_capture_written_bytes_total": "Bytes of the capture log handed to the disk.",
    "shadowbench_capture_frames_total": "Frames written to the capture log.",
    "shadowbench_capture_frames_refused_total": "Frames left out because memory or disk had no room.",
    "shadowbench_capture_write_failures_total": "Writes to the capture log that the disk refused.",
    "shadowbench_client_handshakes_failed_total": "TLS handshakes of clients that failed: plain HTTP, no version in "
    "common, a certificate that the client does not trust.",
    "shadowbench_internal_errors_total": "Faults of shadowbench itself in a worker; each is on standard error.",
}
"""Counted on the workers' boards; each but the histograms carries the label `worker`."""

RECORDER = {
    "shadowbench_recorder_rows_total": "Rows sent to the store and acknowledged. Label: table.",
    "shadowbench_recorder_batches_total": "Batches sent to the store and acknowledged.",
    "shadowbench_recorder_retries_total": "Batches sent again because the store did not answer.",
    "shadowbench_recorder_refused_inserts_total": "Batches that the store read and refused; they are set aside.",
    "shadowbench_recorder_mended_batches_total": (
        "Batches that the store had acknowledged and lost in a crash; they were sent again under a fresh token."
    ),
    "shadowbench_recorder_backlog_bytes": "Bytes of the capture log not read yet.",
    "shadowbench_recorder_lag_seconds": "How long ago the recorder last had nothing left to read.",
    "shadowbench_recorder_open_exchanges": "Exchanges of which only a part was read so far.",
    "shadowbench_recorder_streams": "Capture logs that it follows now, one per life of a worker.",
    "shadowbench_recorder_streams_elsewhere": "Capture logs that another recorder of this machine follows now.",
    "shadowbench_recorder_evicted_exchanges_total": "Exchanges given up because too many were open at once.",
    "shadowbench_recorder_orphan_frames_total": "Frames of exchanges whose beginning is not in the log.",
    "shadowbench_recorder_torn_tails_total": "Segments whose last frame was cut by a crash.",
    "shadowbench_recorder_holes_total": "Damaged places inside segments that were stepped over.",
    "shadowbench_recorder_bad_exchanges_total": "Exchanges that could not be made into rows; they are set aside.",
    "shadowbench_recorder_bad_frames_total": "Frames that could not be read; they are set aside.",
    "shadowbench_recorder_vanished_segments_total": "Segments that were gone before they were read.",
    "shadowbench_recorder_disk_dropped_total": "Pairs that will not be: the oldest of a log that was nearly full while "
    "the store took no rows.",
    "shadowbench_recorder_dropped_skips_total": "Rows of skips that went with them; their counts stand.",
    "shadowbench_recorder_dropped_bytes_total": "Bytes of the capture log that were freed so.",
    "shadowbench_recorder_quarantined_total": "Items set aside for a person to look at.",
    "shadowbench_recorder_quarantine_expired_total": "Files of items set aside that were removed after "
    "`privacy.retention`.",
    "shadowbench_recorder_locked_streams": "Streams that wait for a key that `capture.encrypt` does not have.",
    "shadowbench_recorder_odd_usage_total": "Legs whose reported token counts cannot all be true; those that cannot "
    "are taken as unknown.",
    "shadowbench_recorder_raw_usage_dropped_total": "Legs whose provider reported more than is kept as it came.",
    "shadowbench_recorder_unchecked_json_total": "Answers in JSON that could not be checked by the client's schema: it "
    "is no sound schema, or takes more work than a check may.",
    "shadowbench_recorder_spans_sent_total": "Spans of legs that the collector of `telemetry` took.",
    "shadowbench_recorder_spans_failed_total": "Spans that it did not take in time; they are gone.",
    "shadowbench_recorder_spans_dropped_total": "Spans left out because too many waited for it.",
    "shadowbench_recorder_unpriced_legs_total": "Legs with tokens and a model whose price nobody knows.",
    "shadowbench_recorder_budget_reading_failures_total": "Readings of the spend that failed; while they do, "
    "candidates with a budget or a rate get no copies.",
    "shadowbench_recorder_internal_errors_total": "Faults of the recorder itself; each is on standard error.",
}
"""Reported by the recorder; each carries the label `name`."""

JUDGE = {
    "shadowbench_judge_at_work": "1 while this process judges, 0 while another one does and it stands by.",
    "shadowbench_judge_calls_total": "Calls to judges that have ended, by how, and questions that failed without "
    "one. Labels: judge (`embeddings` among them), outcome.",
    "shadowbench_judge_calls_in_flight": "Calls to a judge under way now. Label: judge.",
    "shadowbench_judge_questions_waiting": "Questions that wait for their turn with a judge. Label: judge.",
    "shadowbench_judge_away": "1 while a judge does not answer: its questions wait, one call at a time looks "
    "whether it is back. Label: judge.",
    "shadowbench_judge_call_seconds": "Histogram over all processes: from sending a call to the answer's last byte, "
    "of those that were answered. Label: judge.",
    "shadowbench_judge_retries_total": "Calls of questions that had been asked before. Label: judge.",
    "shadowbench_judge_withdrawn_calls_total": "Calls that were written down and not made, since the day would have "
    "cost more than its budget.",
    "shadowbench_judge_pairs_total": "Pairs that were taken up, by what became of them. Label: state (equal, "
    "structure: a free rung settled it; judged; failed: a question failed for good; not_drawn; known: judged "
    "before; without_texts; embedded; given_up: a fault of shadowbench itself).",
    "shadowbench_judge_open_pairs": "Pairs that were taken up and are not finished.",
    "shadowbench_judge_due_pairs": "Pairs that could be judged and are not finished: open ones, and those that were "
    "not taken up yet (counted every 30 s).",
    "shadowbench_judge_expired_pairs_total": "Pairs that were older than `judge.max_age` when it was their turn.",
    "shadowbench_judge_lag_seconds": "Age of the oldest pair that is not finished; 0 when all are. Label: work "
    "(judging, scoring).",
    "shadowbench_judge_scores_total": "Text scores made, without those that need embeddings.",
    "shadowbench_judge_spent_usd": "Dollars that judging has cost today (UTC) on all machines of the store, and the "
    "most that calls under way can cost; absent without a fresh reading of the store, and then nothing is asked.",
    "shadowbench_judge_budget_usd": "Dollars that judging may cost per day (UTC); absent: there is no limit.",
    "shadowbench_judge_held": "1 while no call is made for this reason: no fresh reading of the store (store), its "
    "clock is on another day than ours (clock), the day's dollars (dollars) or the minute's calls (rate) are used "
    "up, the store has not heard of this process for too long (standby). Label: reason.",
    "shadowbench_judge_rows_total": "Rows sent to the store and acknowledged. Label: table.",
    "shadowbench_judge_refused_rows_total": "Rows that the store read and refused.",
    "shadowbench_judge_store_retries_total": "Inserts and readings done again because the store did not answer.",
    "shadowbench_judge_store_away_seconds": "For how long the store has taken no rows though some wait; 0 while it "
    "does.",
    "shadowbench_judge_internal_errors_total": "Faults of the judge role itself; each is on standard error.",
}
"""Reported by the judge role; each but the histogram carries the label `name`."""

STORE = {
    "shadowbench_store_statements_total": "Statements that the embedded store ran.",
    "shadowbench_store_inserts_total": "Inserts among them.",
    "shadowbench_store_errors_total": "Statements that ended in an error.",
    "shadowbench_store_abandoned_total": "Statements whose client went away before the end.",
    "shadowbench_store_active_statements": "Statements that run now.",
}
"""Reported by the embedded store; each carries the label `name`."""

DASHBOARD = {
    "shadowbench_dashboard_requests_total": "Requests to the dashboard by what came of them. Labels: page (the route, "
    "not what was asked for), class.",
    "shadowbench_dashboard_request_seconds_total": "Seconds that answering them took, added up. Label: page.",
    "shadowbench_dashboard_refused_total": "Requests that were not let in. Label: reason (host: a name that is not "
    "ours; login: nobody has logged in; token: a wrong one; site: a web page of another site).",
    "shadowbench_dashboard_store_up": "1 while the store answers the pages, else 0; absent before the first question.",
    "shadowbench_dashboard_store_failures_total": "How often the store went away from the pages.",
    "shadowbench_dashboard_labels_saved_total": "Labels of people that were stored.",
    "shadowbench_dashboard_feedback_total": "Feedback of users that came in over the API and was stored.",
    "shadowbench_dashboard_labels_taken_back_total": "Labels of people that they took back.",
    "shadowbench_dashboard_desks_forgotten_total": "Labelling people of whom it was forgotten which pairs they had "
    "skipped, because there were too many others.",
    "shadowbench_dashboard_reports_total": "Reports that were written because they were due.",
    "shadowbench_dashboard_report_failures_total": "Tries to write one that failed; it is tried again.",
    "shadowbench_dashboard_internal_errors_total": "Faults of the dashboard itself; each is on standard error.",
    "shadowbench_webhook_at_work": "1 while this is the process that tells webhooks, 0 while another one that shares "
    "the store does, or nobody can; absent without webhooks.",
    "shadowbench_webhook_notices_total": "What was noticed and written down. Label: event.",
    "shadowbench_webhook_deliveries_total": "Attempts to tell a webhook. Labels: event, outcome (delivered, failed: "
    "tried again later, given_up).",
    "shadowbench_webhook_waiting": "Notices that a webhook has still to be told.",
    "shadowbench_webhook_study_seconds_total": "Seconds that studies for webhooks took, added up.",
    "shadowbench_webhook_store_failures_total": "Questions of webhooks that the store did not answer.",
    "shadowbench_webhook_internal_errors_total": "Faults of the webhooks' own code; each is on standard error.",
}
"""Reported by the dashboard; each carries the label `name`."""

LINK = {
    "shadowbench_link_reports_dropped_total": "Reports of a role to the supervisor left out because it did not read.",
}
"""Reported by every role once it happened; carries the label `name`."""

METRICS: dict[str, str] = SUPERVISOR | PROXY | RECORDER | JUDGE | STORE | DASHBOARD | LINK


def help_text(name: str) -> str:
    """What the metric means; its own name where nobody said."""
    return METRICS.get(name, name)
