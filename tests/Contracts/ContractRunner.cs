using System.Reflection;
using NUnit.Framework.Internal;

namespace WorkflowSessions.Contracts;

/// <summary>Runs the contract on a store that is broken on purpose, to show that a test catches it.</summary>
public static class ContractRunner
{
    /// <summary>Runs one test of the contract on a store.</summary>
    /// <returns>What the test said when it failed; null when it passed.</returns>
    public static async Task<string?> FailureAsync(Func<StoreHarness> createHarness, string test)
    {
        Fixture fixture = new(createHarness);
        // What fails in here is what is looked for, not a failure of the test that looks.
        using TestExecutionContext.IsolatedContext isolated = new();
        fixture.SetUp();
        try
        {
            if (typeof(Fixture).GetMethod(test)!.Invoke(fixture, null) is Task task)
            {
                await task;
            }

            return null;
        }
        catch (Exception failure)
        {
            return (failure as TargetInvocationException)?.InnerException?.Message ?? failure.Message;
        }
        finally
        {
            await fixture.TearDown();
        }
    }

    /// <summary>The names of all tests of the contract. They have no parameters, so that they can be run one by one.</summary>
    public static IReadOnlyList<string> Tests { get; } =
    [.. typeof(SessionStoreContract).GetMethods().Where(method => method.IsDefined(typeof(TestAttribute))).Select(method => method.Name)];

    private sealed class Fixture(Func<StoreHarness> createHarness) : SessionStoreContract
    {
        protected override StoreHarness CreateHarness() => createHarness();
    }
}
