// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"crossing/harness/guest"
	"crossing/harness/sweep"
	"crossing/harness/vm"
	"crossing/internal/root"
)

// vmCmd returns the command that boots virtual machines by hand.
func vmCmd() *cobra.Command {
	return group(&cobra.Command{
		Use:   "vm",
		Short: "Run commands in a virtual machine with two emulated 82576 ports",
	}, vmRunCmd(), vmShellCmd(), vmBuildCmd(), vmKVMCmd())
}

// vmFlags adds the flags that describe a machine.
func vmFlags(cmd *cobra.Command, o *vm.Options) (finish func() error) {
	clock := cmd.Flags().String("clock", "virtual", "virtual: time counts instructions; real: the host's time")
	shift := cmd.Flags().Int("shift", 1, "virtual ns per instruction, as a power of two (1: 500 MIPS)")
	cmd.Flags().Uint32Var(&o.Seed, "seed", 1, "seed of the machine's random numbers")
	cmd.Flags().IntVar(&o.SMP, "smp", 2, "CPUs")
	cmd.Flags().IntVar(&o.MiB, "memory", 2048, "memory in MiB")
	cmd.Flags().IntVar(&o.Hugepages, "hugepages", 0, "2 MiB hugepages to reserve")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 5*time.Minute, "host time after which the machine is killed")
	cmd.Flags().StringVar(&o.Append, "append", "", "more for the kernel's command line")
	cmd.Flags().StringSliceVar(&o.Binaries, "bin", nil, "programs to put into the machine's /job/bin")
	files := cmd.Flags().StringSlice("file", nil, "files to put into the machine's /job")
	linux := cmd.Flags().String("linux", vm.Linux61, "Debian kernel: "+vm.Linux61+" or "+vm.Linux612)
	return func() error {
		switch *clock {
		case "virtual":
		case "real":
			o.Clock = vm.RealTime
		default:
			return fmt.Errorf("--clock %s: want virtual or real", *clock)
		}
		if o.Shift = *shift; o.Shift == 0 {
			o.Shift = -1
		}
		for _, f := range *files {
			o.Files = append(o.Files, vm.File{Path: filepath.Base(f), Source: f})
		}
		var err error
		o.Kernel, err = vm.DebianKernel(cmd.Context(), *linux)
		return err
	}
}

func vmRunCmd() *cobra.Command {
	var o vm.Options
	cmd := &cobra.Command{
		Use:     "run [flags] -- COMMAND [ARGUMENT]...",
		Example: "  harness vm run -- uname -a\n  harness vm run --bin bin/gohttp --results out/vm -- gohttp -h",
		Short:   "Boot a machine, run a command in it, bring its results out",
		Long: `Boots a machine, runs the command and exits with its exit code.
What the command leaves in /out comes back into the directory --results.`,
		Args: cobra.MinimumNArgs(1),
	}
	finish := vmFlags(cmd, &o)
	cmd.Flags().StringVar(&o.Results, "results", "", "directory for what the command leaves in /out")
	identity := cmd.Flags().Bool("identity", false, "print the run's identity as JSON on standard error")
	dmesg := cmd.Flags().Bool("dmesg", false, "print the kernel's log on standard error")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := finish(); err != nil {
			return err
		}
		o.Argv, o.Output = args, os.Stdout
		r, err := vm.Run(cmd.Context(), o)
		if r != nil && *dmesg {
			os.Stderr.Write(r.Dmesg)
		}
		if err != nil {
			return err
		}
		if *identity {
			e := json.NewEncoder(os.Stderr)
			e.SetIndent("", "  ")
			e.Encode(r.Identity)
		}
		if r.ExitCode != 0 {
			os.Exit(r.ExitCode)
		}
		return nil
	}
	return cmd
}

func vmShellCmd() *cobra.Command {
	var o vm.Options
	cmd := &cobra.Command{
		Use:     "shell [flags]",
		Example: "  harness vm shell",
		Short:   "Boot a machine with this terminal as its console; Control-A X ends it",
		Args:    cobra.NoArgs,
	}
	finish := vmFlags(cmd, &o)
	cmd.Flags().Set("clock", "real")
	cmd.Flags().Lookup("clock").DefValue = "real"
	cmd.Flags().Set("timeout", "12h")
	cmd.Flags().Lookup("timeout").DefValue = "12h0m0s"
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := finish(); err != nil {
			return err
		}
		_, err := vm.Shell(cmd.Context(), o)
		return err
	}
	return cmd
}

func vmBuildCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "build",
		Example: "  harness vm build",
		Short:   "Build the machine's image and kernels into the cache",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return vm.Build(cmd.Context(), os.Stdout)
		},
	}
}

// guestCellsCmd runs a sweep's cells; a guest runs it.
func guestCellsCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "guest-cells FILE FOLDER",
		Short:  "Run the cells that FILE lists and leave their outcomes below FOLDER",
		Args:   cobra.ExactArgs(2),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			home, err := root.Find()
			if err != nil {
				return err
			}
			all, err := allTiers(home)
			if err != nil {
				return err
			}
			here, err := sweep.NewHere(filepath.Join(home, "bin"), home)
			if err != nil {
				return err
			}
			defer here.Close()
			return guest.Work(cmd.Context(), args[0], args[1], here, &sweep.Local{
				Tiers: all, Version: os.Getenv("CROSSING_VERSION"), Say: func(line string) { fmt.Println(line) },
			})
		},
	}
}

func vmKVMCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "kvm",
		Example: "  harness vm kvm",
		Short:   "Report whether a guest really runs under KVM here",
		Args:    cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			if vm.KVMWorks(cmd.Context()) {
				fmt.Println("yes: a guest boots under KVM")
			} else {
				fmt.Println("no: real time uses QEMU's translator; virtual time needs no KVM")
			}
		},
	}
}
