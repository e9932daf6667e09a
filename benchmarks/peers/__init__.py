"""What others would use, doing the same case: the recorded trace of one LC-LOAN case, replayed."""
