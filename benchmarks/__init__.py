"""What was measured, and how to measure it again: one module for each table, ``python -m benchmarks.NAME``.

Run from the root of the repository; each module's first lines, and ``--help``, say what it prints.

=================== ================================================================================
``quality``         SI-SDR of vocsep and of what it is compared with, recording by recording
``ablation``        what each part brings: they are switched off one at a time
``pitch``           multi-F0 scores, voices that are exchanged, counting of voices
``duets``           whether two synthetic singers of one range keep their own pitches where they meet
``learn_duets``     no table: trains the network that tells two singers apart
``estimators``      designs of the estimator, trained alike and judged alike
``ceiling``         fitted partials with true F0 and powers, beside the best power mask
``masks``           several ways from expected powers to stems
``stereo``          what the places of the voices are worth
``partly``          what the stems of some voices are worth to ``vocsep fit``
``paper``           the paper's experiment (with ``paper_rows``, ``paper_songs`` and ``paper_table``)
``realtime``        time and memory of ``vocsep separate``; an old commit and this one by turns (``against``)
``step``            time and memory of a training step
``archive``         many recordings by several processes, next to one
``processes``       ``vocsep fit`` by several processes, next to one
``long``            memory and time of ``vocsep separate`` over the length of the recording
``scale``           what a minute of music costs, over voices, rate and channels
``notes``           notes written as MIDI and read back, against what was sung
``intonation``      the report on intonation, against what the singers aimed at
``score``           what a score is worth
``editing``         an edited voice, against what the same singer would have sung
``studio``          what a pitch corrected by hand is worth
``player``          how quick the page in the browser is; its screenshots
``studio_session``  time and memory of the studio, with ten minutes of music
``halls``           stems in a simulated hall, for the others, and as files
``fuzz``            damaged files by the thousand, and command lines (with ``fuzz_kinds``)
=================== ================================================================================

What they share: ``options`` (the command line), ``mixtures`` (recordings, groups of their voices) and
``scoring`` (from stems to a mean SI-SDR).
"""
