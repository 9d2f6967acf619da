using Microsoft.Extensions.Options;

namespace WorkflowSessions.Redis;

/// <summary>Checks at start, with the options, that the address can be read.</summary>
internal sealed class AddressCheck(string configuration) : IValidateOptions<RedisSessionStoreOptions>
{
    public ValidateOptionsResult Validate(string? name, RedisSessionStoreOptions options)
    {
        try
        {
            RedisAddress.Parse(configuration);
            return ValidateOptionsResult.Success;
        }
        catch (ArgumentException error)
        {
            return ValidateOptionsResult.Fail(error.Message);
        }
    }
}
