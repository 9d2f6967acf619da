#!/bin/sh
# Fetches the servers of the target Engines into a folder: Redis and Valkey from a release of Debian, Garnet from NuGet.
# It changes nothing else on the machine, so the libraries of that release lie beside the servers.
# Each server becomes a program in bin/, named after the engine and its version, with the options of redis-server.
set -eu
folder=$1
release=trixie
garnet=2.2.8

mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/packages" "$folder/bin"
folder=$(cd "$folder" && pwd)

# A configuration of its own: apt knows one source and no installed package.
printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian %s main\n' "$release" >"$folder/apt/sources.list"
: >"$folder/apt/status"
cat >"$folder/apt/apt.conf" <<END
Dir::State "$folder/apt";
Dir::State::Lists "$folder/apt/lists";
Dir::State::status "$folder/apt/status";
Dir::Cache "$folder/apt";
Dir::Etc::sourcelist "$folder/apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "";
END
export APT_CONFIG="$folder/apt/apt.conf"
apt-get update -qq
libraries="libc6 libatomic1 libcap2 libgcc-s1 libjemalloc2 liblzf1 libssl3t64 libstdc++6 libsystemd0 libzstd1 zlib1g"
# shellcheck disable=SC2086
(cd "$folder/packages" && rm -f ./*.deb && apt-get download -qq redis-tools valkey-tools $libraries)
rm -rf "$folder/root"
for package in "$folder"/packages/*.deb; do
    dpkg-deb -x "$package" "$folder/root"
done

rm -f "$folder"/bin/*
for engine in Redis Valkey; do
    name=$(echo "$engine" | tr '[:upper:]' '[:lower:]')
    # The server is one program with the check of files; its name decides.
    ln -s "$name-check-rdb" "$folder/root/usr/bin/$name-server"
    loader=$(ls "$folder"/root/usr/lib/*-linux-gnu*/ld-linux-*.so.*)
    command="'$loader' --library-path '$(dirname "$loader")' '$folder/root/usr/bin/$name-server'"
    version=$(eval "$command --version" | sed 's/.* v=\([^ ]*\) .*/\1/')
    printf '#!/bin/sh\nexec %s "$@"\n' "$command" >"$folder/bin/$engine-$version"
done

rm -rf "$folder/garnet"
dotnet tool install garnet-server --version "$garnet" --tool-path "$folder/garnet" --verbosity quiet
# Garnet has other names for the options, where it has them.
cat >"$folder/bin/Garnet-$garnet" <<END
#!/bin/sh
count=\$#
while [ \$count -gt 0 ]; do
    option=\$1 value=\$2
    shift 2
    count=\$((count - 2))
    case "\$option \$value" in
        "--save "*|"--repl-diskless-sync-delay "*|"--cluster-node-timeout "*) ;;
        "--dir "*) set -- "\$@" --checkpointdir "\$value" ;;
        "--databases "*) set -- "\$@" --max-databases "\$value" ;;
        "--requirepass "*) set -- "\$@" --auth Password --password "\$value" ;;
        "--appendonly yes") set -- "\$@" --aof --recover --device-type RandomAccess ;;
        "--appendfsync always") set -- "\$@" --aof-commit-wait ;;
        "--cluster-enabled yes") set -- "\$@" --cluster --aof --device-type RandomAccess ;;
        *) set -- "\$@" "\$option" "\$value" ;;
    esac
done
exec "$folder/garnet/garnet-server" --lua --lua-transaction-mode --memory 512m --index 16m "\$@"
END
chmod +x "$folder"/bin/*
ls "$folder/bin"
