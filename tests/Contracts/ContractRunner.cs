using System.Reflection;
using NUnit.Framework.Internal;

namespace WorkflowSessions.Contracts;

/// <summary>Runs the contract on a store that is broken on purpose, to show which tests catch it.</summary>
public static class ContractRunner
{
    /// <summary>The names of the tests of the contract that fail on a store, each with what it said.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> FailuresAsync(Func<StoreHarness> createHarness)
    {
        Dictionary<string, string> failures = new(StringComparer.Ordinal);
        foreach (MethodInfo test in Tests)
        {
            Fixture fixture = new(createHarness);
            // What fails in here is what is looked for, not a failure of the test that looks.
            using TestExecutionContext.IsolatedContext isolated = new();
            fixture.SetUp();
            try
            {
                object? result = test.Invoke(fixture, null);
                if (result is Task task)
                {
                    await task;
                }
            }
            catch (Exception failure)
            {
                failures[test.Name] = (failure as TargetInvocationException)?.InnerException?.Message ?? failure.Message;
            }
            finally
            {
                await fixture.TearDown();
            }
        }

        return failures;
    }

    /// <summary>All tests of the contract. They have no parameters, so that they can be run one by one.</summary>
    public static IReadOnlyList<MethodInfo> Tests { get; } =
    [.. typeof(SessionStoreContract).GetMethods().Where(method => method.IsDefined(typeof(TestAttribute)))];

    private sealed class Fixture(Func<StoreHarness> createHarness) : SessionStoreContract
    {
        protected override StoreHarness CreateHarness() => createHarness();
    }
}
