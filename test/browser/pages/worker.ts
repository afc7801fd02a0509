// The library's worker, whose devices a test can lose.
import './devices.ts';
import '../../../src/detector/worker.ts';
