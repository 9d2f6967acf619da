using System.Collections.Concurrent;
using System.Dynamic;
using WorkflowSessions.Contracts;

namespace WorkflowSessions.Tests;

[TestFixture(typeof(Dictionary<string, object?>))]
[TestFixture(typeof(ConcurrentDictionary<string, object?>))]
[TestFixture(typeof(OrderedDictionary<string, object?>))]
[TestFixture(typeof(ExpandoObject))]
[TestFixture(typeof(OrdinalSortedDictionary))]
[TestFixture(typeof(DerivedDictionary))]
public sealed class DictionarySessionStoreContractTests<TDictionary> : SessionStoreContract
    where TDictionary : IDictionary<string, object?>, new()
{
    protected override StoreHarness CreateHarness() => new DictionaryHarness(() => new TDictionary());
}
