// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package leadership

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var errWork = errors.New("work failed")

func TestGuarantee10_ReturnsWhatTheCallbackReturns(t *testing.T) {
	require.NoError(t, Establish(t.Context(), time.Minute, func(context.Context) error { return nil }))
	require.Equal(t, errWork, Establish(t.Context(), time.Minute, func(context.Context) error { return errWork }))
}

func TestGuarantee10_TimeoutCancelsTheCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := Establish(t.Context(), 5*time.Second, func(ctx context.Context) error {
			<-ctx.Done()
			return errors.Join(errWork, context.Cause(ctx))
		})
		require.ErrorIs(t, err, ErrEstablishTimeout)
		require.ErrorIs(t, err, errWork)
		require.Equal(t, 5*time.Second, time.Since(start))
	})
}

func TestGuarantee10_LateSuccessIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := Establish(t.Context(), time.Second, func(context.Context) error {
			time.Sleep(time.Second + Grace/2)
			return nil
		})
		require.ErrorIs(t, err, ErrEstablishTimeout)
		var stuck *StuckError
		require.NotErrorAs(t, err, &stuck, "it did return")
	})
}

func TestGuarantee10_StuckCallbackIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		start := time.Now()
		err := Establish(t.Context(), 3*time.Second, func(context.Context) error {
			<-release
			return nil
		})
		require.Equal(t, 3*time.Second+Grace, time.Since(start))
		var stuck *StuckError
		require.ErrorAs(t, err, &stuck)
		require.ErrorIs(t, err, ErrEstablishTimeout)
		require.ErrorIs(t, err, ErrStuck)
		require.Equal(t, 3*time.Second+Grace, stuck.After)
		require.ErrorContains(t, err, "nothing can be revoked")
		synctest.Wait()
		select {
		case <-stuck.Done:
			t.Fatal("Done before the callback returned")
		default:
		}
		close(release)
		<-stuck.Done
	})
}

func TestGuarantee10_EndOfTheCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			time.Sleep(time.Second)
			cancel(ErrLeaseLost)
		}()
		start := time.Now()
		err := Establish(ctx, time.Hour, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		require.ErrorIs(t, err, ErrLeaseLost)
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, Establish(ctx, time.Hour, func(context.Context) error {
			t.Error("run although the context had ended")
			return nil
		}), ErrLeaseLost)
	})
}

func TestGuarantee10_PanicAndGoexitAreErrors(t *testing.T) {
	err := Establish(t.Context(), time.Minute, func(context.Context) error { panic("no state") })
	require.ErrorContains(t, err, "the callback panicked: no state")
	require.ErrorContains(t, err, "establish_test.go", "the stack says where")
	err = Establish(t.Context(), time.Minute, func(context.Context) error {
		runtime.Goexit()
		return nil
	})
	require.ErrorIs(t, err, errExited)
}

func TestEstablishRefusesBadInput(t *testing.T) {
	fn := func(context.Context) error { return nil }
	require.Error(t, Establish(nil, time.Second, fn)) //nolint:staticcheck // the point
	require.Error(t, Establish(t.Context(), time.Second, nil))
	require.Error(t, Establish(t.Context(), 0, fn))
	require.Error(t, Establish(t.Context(), -time.Second, fn))
}
