// SPDX-License-Identifier: Apache-2.0

// Package dataset reads and writes the study's datasets.
//
// A dataset is a folder, data/NAME/vVERSION:
//
//	requests/tier=T/load=L/file=F/block=NN.parquet   every request of one run
//	stages/…                                         server-side times of traced runs
//	runs.parquet                                     one row per run: the design and what could confound it
//	machine.json                                     where it was collected
//	datapackage.json                                 every column with its unit and meaning
//	README.md, CITATION.cff                          the datasheet, and how to cite
//	SHA256SUMS                                       of all of them
//
// The partitions are named as Hive names them, so that DuckDB, pandas and
// Spark read the folder as one table.
//
// A Writer collects beside the place, in a folder that ends in .partial, and
// renames it when it is whole: a partial dataset cannot be taken for a finished
// one, and a killed collection resumes.
package dataset
